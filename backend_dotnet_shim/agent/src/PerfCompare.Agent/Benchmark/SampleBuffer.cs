using System.Diagnostics;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Holds finished samples back so that writing them does not happen at every iteration: they go out
/// after 100 ms, at 500, or at once when a call failed. Only the loop calls it, between timed
/// regions.
/// </summary>
internal sealed class SampleBuffer(string runId, MessageWriter writer)
{
    private const int MaxPending = 500;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly List<Sample> _pending = new(MaxPending);
    private bool _hasFailure;
    private long _lastWrite = Stopwatch.GetTimestamp();

    /// <summary>Samples so far that were not cancelled.</summary>
    public long Completed { get; private set; }

    public void Add(Sample sample)
    {
        lock (_lock)
        {
            _pending.Add(sample);
            _hasFailure |= sample.Outcome is not Outcome.Ok;
            Completed += sample.Outcome is Outcome.Cancelled ? 0 : 1;
        }
    }

    public void FlushIfDue()
    {
        lock (_lock)
        {
            if (_hasFailure
                || _pending.Count >= MaxPending
                || Stopwatch.GetElapsedTime(_lastWrite) >= s_interval)
            {
                Flush();
            }
        }
    }

    public void Flush()
    {
        lock (_lock)
        {
            foreach (var chunk in _pending.Chunk(MaxPending))
            {
                writer.NotifySamples(runId, chunk);
            }

            _pending.Clear();
            _hasFailure = false;
            _lastWrite = Stopwatch.GetTimestamp();
        }
    }
}
