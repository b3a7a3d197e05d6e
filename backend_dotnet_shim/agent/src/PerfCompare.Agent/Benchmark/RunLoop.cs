using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>The three arrangements of calls: one after another, in batches, by parallel workers.</summary>
internal sealed class RunLoop(
    RunParams run,
    TimedIteration iteration,
    BlockClock clock,
    Action<Sample> collect,
    Action flushIfDue,
    CancellationToken cancellationToken)
{
    private readonly Budget _budget = new(run, clock, cancellationToken);

    public Task RunAsync() => run.Mode switch
    {
        TestMode.Standard => WorkAsync(worker: 0),
        TestMode.Batch => RunBatchesAsync(),
        TestMode.Concurrent => RunWorkersAsync(),
        _ => throw new InvalidOperationException($"{run.Mode} was let through"),
    };

    /// <summary>A closed loop: the next call starts when the last one has ended.</summary>
    private async Task WorkAsync(int worker)
    {
        while (_budget.TryTake(out var sequence))
        {
            var finished = await TimeAsync(new(sequence, worker)).ConfigureAwait(false);
            collect(finished.ToSample());
            flushIfDue();
        }
    }

    private async Task RunWorkersAsync() =>
        await Task.WhenAll(
            Enumerable.Range(0, (int)run.Concurrency).Select(worker => Task.Run(() => WorkAsync(worker))))
            .ConfigureAwait(false);

    private async Task RunBatchesAsync()
    {
        for (var batch = 1L; ; batch++)
        {
            var slots = TakeBatch(batch);
            if (slots.Count == 0)
            {
                return;
            }

            foreach (var finished in await Task.WhenAll(slots.Select(TimeAsync)).ConfigureAwait(false))
            {
                collect(finished.ToSample());
            }

            flushIfDue();
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
        iteration.RunAsync(run.RunId, slot, clock, cancellationToken);
}
