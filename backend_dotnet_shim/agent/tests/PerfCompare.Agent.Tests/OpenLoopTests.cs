using System.Text.Json;
using PerfCompare.Agent.Benchmark;

namespace PerfCompare.Agent.Tests;

public sealed class OpenLoopTests
{
    [Fact]
    public void Poisson_gaps_are_the_same_in_every_language()
    {
        Assert.All(Vectors.Arrivals(), example => Assert.Equal(
            example.GetProperty("gapS").GetDouble(),
            ArrivalSchedule.GapSeconds(
                example.GetProperty("seed").GetInt64(),
                example.GetProperty("number").GetInt64(),
                example.GetProperty("ratePerSecond").GetDouble()),
            tolerance: 1e-12));
    }

    [Fact]
    public async Task Calls_start_by_the_clock_whether_or_not_others_have_ended()
    {
        using var gate = new SemaphoreSlim(0);
        var waiting = 0;
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            // A closed loop would wait for ever: no call is answered before all four have arrived.
            if (Interlocked.Increment(ref waiting) == 4)
            {
                gate.Release(4);
            }

            await gate.WaitAsync();
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });

        var (result, samples) = await RunAsync(server, """{"iterations":4,"ratePerSecond":50,"concurrency":10}""");

        Assert.Equal(0, Number(result, "dropped"));
        Assert.Equal([1L, 2, 3, 4], samples.Select(sample => Number(sample, "sequence")));
        Assert.Equal([0L, 20_000_000, 40_000_000, 60_000_000], samples.Select(sample => Number(sample, "intendedStartNs")));
        Assert.All(samples, sample => Assert.True(Number(sample, "startNs") >= Number(sample, "intendedStartNs")));
        Assert.All(samples, sample => Assert.Equal("ok", sample.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task Poisson_arrivals_are_due_after_the_sum_of_the_gaps()
    {
        await using var server = new FakeModelServer();

        var (_, samples) = await RunAsync(
            server,
            """{"iterations":3,"ratePerSecond":200,"concurrency":10,"arrivals":"poisson","arrivalSeed":0}""");

        Assert.Equal(
            [0, 0.0018820001, 0.0018820001 + 0.0044446674],
            samples.Select(sample => Number(sample, "intendedStartNs") / 1e9),
            (expected, actual) => Math.Abs(expected - actual) < 1e-8);
    }

    [Fact]
    public async Task What_finds_too_many_in_flight_is_dropped_and_takes_no_number()
    {
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            await Task.Delay(1_000);
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });

        var (result, samples) = await RunAsync(server, """{"iterations":5,"ratePerSecond":1000,"concurrency":2}""");

        Assert.Equal(3, Number(result, "dropped"));
        Assert.Equal(2, Number(result, "completed"));
        Assert.Equal([1L, 2], samples.Select(sample => Number(sample, "sequence")));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Nothing_is_due_at_or_after_the_end_of_the_time()
    {
        await using var server = new FakeModelServer();

        var (result, samples) = await RunAsync(server, """{"durationSeconds":0.2,"ratePerSecond":50,"concurrency":100}""");

        Assert.Equal(10, samples.Count);
        Assert.Equal(180_000_000, Number(samples[^1], "intendedStartNs"));
        Assert.True(Number(result, "wallNs") >= 180_000_000);
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_for_the_next_arrival()
    {
        await using var fixture = await StalledRun.StartAsync(
            "run",
            """{"runId":"r","firstSequence":1,"iterations":2,"mode":"rate","concurrency":1,"ratePerSecond":0.001}""");

        await fixture.CancelAsync("r");
        var reply = await fixture.Agent.ReplyAsync(fixture.RunCall);

        Assert.True(reply.GetProperty("result").GetProperty("cancelled").GetBoolean());
        Assert.Equal("cancelled", Assert.Single(fixture.Agent.Samples).GetProperty("outcome").GetString());
    }

    private static async Task<(JsonElement Result, List<JsonElement> Samples)> RunAsync(FakeModelServer server, string parameters)
    {
        var agent = await AgentHarness.InitialisedAsync(server);
        var result = await agent.CallAsync(
            "run",
            """{"runId":"r","firstSequence":1,"mode":"rate",""" + parameters[1..]);
        return (result, [.. agent.Samples.OrderBy(sample => Number(sample, "sequence"))]);
    }

    private static long Number(JsonElement value, string name) => value.GetProperty(name).GetInt64();
}
