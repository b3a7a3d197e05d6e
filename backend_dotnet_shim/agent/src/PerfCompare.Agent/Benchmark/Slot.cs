namespace PerfCompare.Agent.Benchmark;

/// <summary>Which iteration, by whom, and in which batch (from 1) if there are batches.</summary>
internal readonly record struct Slot(long Sequence, int Worker, long? Batch = null);
