using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// The open loop: calls start by the clock, whether or not earlier ones have ended. An arrival that
/// finds too many in flight is dropped and counted.
/// </summary>
internal sealed class OpenLoop(
    RunParams run,
    TimedIteration iteration,
    BlockClock clock,
    Action<FinishedIteration> collect,
    CancellationToken cancellationToken) : ILoop
{
    private readonly Pacer _pacer = new(clock, cancellationToken);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The pacing counts as one, so that the last call to end can tell that no other will start.
    private long _active = 1;

    public bool CallsOverlap => true;

    public long Dropped { get; private set; }

    /// <exception cref="InvalidOperationException">There is no rate.</exception>
    public async Task RunAsync()
    {
        var rate = run.RatePerSecond ?? throw new InvalidOperationException("a run without a rate was let through");

        // A thread of its own: it sleeps and spins, which must not take one from the calls.
        await Task.Factory.StartNew(
            () => StartCalls(rate),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).ConfigureAwait(false);
        EndOne();
        await _ended.Task.ConfigureAwait(false);
    }

    private void StartCalls(double rate)
    {
        var sequence = run.FirstSequence;
        foreach (var due in ArrivalSchedule.DueNs(run, rate))
        {
            if (!_pacer.WaitUntil(due))
            {
                return;
            }

            if (Interlocked.Read(ref _active) > run.Concurrency)
            {
                Dropped++;
                continue;
            }

            Interlocked.Increment(ref _active);
            var slot = new Slot(sequence++, Worker: 0, IntendedStartNs: due);
            _ = Task.Run(() => CallAsync(slot), CancellationToken.None);
        }
    }

    private async Task CallAsync(Slot slot)
    {
        try
        {
            collect(await iteration.RunAsync(run, slot, clock, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            EndOne();
        }
    }

    private void EndOne()
    {
        if (Interlocked.Decrement(ref _active) == 0)
        {
            _ended.SetResult();
        }
    }
}
