namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Which iteration, by whom, in which batch (from 1) if there are batches, and for when it was
/// planned if the clock starts it.
/// </summary>
internal readonly record struct Slot(long Sequence, int Worker, long? Batch = null, long? IntendedStartNs = null);
