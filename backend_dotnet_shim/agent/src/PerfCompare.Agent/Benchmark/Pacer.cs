namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Blocks a thread until a moment of the block: it sleeps to shortly before and then spins, giving
/// its core away at every turn so that the calls in flight go on.
/// </summary>
internal sealed class Pacer(BlockClock clock, CancellationToken cancellationToken)
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    // A sleep of whole milliseconds ends a tenth of one late, or more on a busy machine.
    private const long SpunNs = NanosecondsPerMillisecond / 2;
    private const long MaxSleepMs = 60_000;

    /// <summary>False when the run was cancelled meanwhile.</summary>
    public bool WaitUntil(long dueNs)
    {
        while (dueNs - clock.ElapsedNs is var remaining && remaining > 0)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return false;
            }

            var sleepMs = Math.Min((remaining - SpunNs) / NanosecondsPerMillisecond, MaxSleepMs);
            if (sleepMs > 0)
            {
                cancellationToken.WaitHandle.WaitOne((int)sleepMs);
            }
            else
            {
                Thread.Yield();
            }
        }

        return !cancellationToken.IsCancellationRequested;
    }
}
