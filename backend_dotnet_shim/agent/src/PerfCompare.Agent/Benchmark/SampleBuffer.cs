using System.Diagnostics;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Holds finished iterations back in raw form: they are judged, turned into samples and written many
/// at a time, after 100 ms, at 500, or at once when a call threw. Where calls follow one another that
/// happens between two of them; where they overlap there is no such moment, so that a thread of its
/// own does it.
/// </summary>
internal sealed class SampleBuffer(string runId, MessageWriter writer)
{
    private const int MaxPending = 500;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _adding = new();
    private readonly Lock _writing = new();
    private List<FinishedIteration> _pending = new(MaxPending);
    private bool _hasFailure;
    private long _lastWrite = Stopwatch.GetTimestamp();

    /// <summary>Samples written so far that were not cancelled.</summary>
    public long Completed { get; private set; }

    public void Add(FinishedIteration finished)
    {
        lock (_adding)
        {
            _pending.Add(finished);
            _hasFailure |= finished.Failure is not null;
        }
    }

    /// <summary>For a loop between its calls: nothing is being timed now.</summary>
    public void FlushIfDue()
    {
        if (_hasFailure || _pending.Count >= MaxPending || Stopwatch.GetElapsedTime(_lastWrite) >= s_interval)
        {
            Flush();
        }
    }

    /// <summary>Flushes from threads outside the pool for as long as <paramref name="calls"/> go on.</summary>
    public async Task FlushWhileAsync(Task calls)
    {
        while (await Task.WhenAny(calls, Task.Delay(s_interval)).ConfigureAwait(false) != calls)
        {
            await Task.Factory.StartNew(
                Flush,
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    public void Flush()
    {
        lock (_writing)
        {
            foreach (var chunk in TakePending().Chunk(MaxPending))
            {
                var samples = Array.ConvertAll(chunk, finished => finished.ToSample());
                Completed += samples.Count(sample => sample.Outcome is not Outcome.Cancelled);
                writer.NotifySamples(runId, samples);
            }

            _lastWrite = Stopwatch.GetTimestamp();
        }
    }

    private List<FinishedIteration> TakePending()
    {
        lock (_adding)
        {
            var taken = _pending;
            _pending = new(MaxPending);
            _hasFailure = false;
            return taken;
        }
    }
}
