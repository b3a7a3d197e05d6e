using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Hands out sequence numbers without a gap, until the block's number or time is used up or the run
/// is cancelled. Safe for several workers.
/// </summary>
internal sealed class Budget(RunParams run, BlockClock clock, CancellationToken cancellationToken)
{
    private readonly long _limitNs = MonotonicClock.Nanoseconds(run.DurationSeconds ?? double.PositiveInfinity);

    private readonly Lock _lock = new();
    private long _taken;

    /// <summary>Takes the next sequence number; false when no further call may start.</summary>
    public bool TryTake(out long sequence)
    {
        lock (_lock)
        {
            sequence = run.FirstSequence + _taken;
            if (_taken >= (run.Iterations ?? long.MaxValue)
                || cancellationToken.IsCancellationRequested
                || clock.ElapsedNs >= _limitNs)
            {
                return false;
            }

            _taken++;
            return true;
        }
    }
}
