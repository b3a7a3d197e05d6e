using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// The closed loops: one call after another, in batches, by parallel workers.
/// <paramref name="collect"/> is called from several threads at once; <paramref name="pause"/> where
/// no call is being timed, so never by parallel workers.
/// </summary>
internal sealed class ClosedLoop(
    RunParams run,
    TimedIteration iteration,
    BlockClock clock,
    Action<FinishedIteration> collect,
    Action pause,
    CancellationToken cancellationToken) : ILoop
{
    private readonly Budget _budget = new(run, clock, cancellationToken);

    public bool CallsOverlap => run.Mode is TestMode.Concurrent;

    public long Dropped => 0;

    public Task RunAsync() => run.Mode switch
    {
        TestMode.Standard or TestMode.Streaming => RunSequenceAsync(),
        TestMode.Batch => RunBatchesAsync(),
        TestMode.Concurrent => RunWorkersAsync(),
        _ => throw new InvalidOperationException($"{run.Mode} was let through"),
    };

    private async Task RunSequenceAsync()
    {
        while (_budget.TryTake(out var sequence))
        {
            collect(await TimeAsync(new(sequence, Worker: 0)).ConfigureAwait(false));
            pause();
        }
    }

    private async Task RunWorkersAsync() =>
        await Task.WhenAll(
            Enumerable.Range(0, (int)run.Concurrency).Select(worker => Task.Run(() => WorkAsync(worker))))
            .ConfigureAwait(false);

    private async Task WorkAsync(int worker)
    {
        while (_budget.TryTake(out var sequence))
        {
            collect(await TimeAsync(new(sequence, worker)).ConfigureAwait(false));
        }
    }

    private async Task RunBatchesAsync()
    {
        for (var batch = 1L; ; batch++)
        {
            var slots = TakeBatch(batch);
            if (slots.Count == 0)
            {
                return;
            }

            Array.ForEach(await Task.WhenAll(slots.Select(TimeAsync)).ConfigureAwait(false), collect);
            pause();
        }
    }

    private List<Slot> TakeBatch(long batch)
    {
        var slots = new List<Slot>();
        while (slots.Count < run.Concurrency && _budget.TryTake(out var sequence))
        {
            slots.Add(new(sequence, slots.Count, batch));
        }

        return slots;
    }

    private Task<FinishedIteration> TimeAsync(Slot slot) =>
        iteration.RunAsync(run, slot, clock, cancellationToken);
}
