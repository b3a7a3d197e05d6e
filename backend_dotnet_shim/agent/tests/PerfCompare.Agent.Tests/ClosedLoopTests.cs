using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class ClosedLoopTests
{
    [Fact]
    public async Task Standard_calls_follow_one_another_on_one_connection()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server, """{"prompts":["a {n}","b"]}""");

        var result = await agent.CallAsync("run", """{"runId":"r","firstSequence":5,"iterations":4,"mode":"standard","concurrency":1}""");

        Assert.Equal(4, result.GetProperty("completed").GetInt32());
        Assert.False(result.GetProperty("cancelled").GetBoolean());
        Assert.Equal([5L, 6, 7, 8], Numbers(agent, "sequence"));
        Assert.Equal(1, server.Connections);
        Assert.Equal(["a 5", "b", "a 7", "b"], server.Requests.Select(LastContent));
        Assert.All(Neighbours(agent), pair => Assert.True(End(pair.First) <= Start(pair.Second)));
        Assert.All(agent.Samples, sample => Assert.True(End(sample) <= result.GetProperty("wallNs").GetInt64()));
    }

    [Fact]
    public async Task A_batch_is_launched_together_and_waited_for()
    {
        using var gate = new SemaphoreSlim(0);
        var waiting = 0;
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            // The first batch is answered only when all three of it have arrived.
            if (Interlocked.Increment(ref waiting) == 3)
            {
                gate.Release(100);
            }

            await gate.WaitAsync();
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });
        var agent = await AgentHarness.InitialisedAsync(server);

        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":7,"mode":"batch","concurrency":3}""");

        Assert.Equal([1L, 2, 3, 4, 5, 6, 7], Numbers(agent, "sequence"));
        Assert.Equal([1L, 1, 1, 2, 2, 2, 3], Numbers(agent, "batch"));
        Assert.Equal([0L, 1, 2, 0, 1, 2, 0], Numbers(agent, "worker"));
        Assert.True(agent.Samples[..3].Max(End) <= agent.Samples[3..6].Min(Start));
    }

    [Fact]
    public async Task Concurrent_workers_take_the_next_number_without_a_gap()
    {
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            await Task.Delay(5);
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });
        var agent = await AgentHarness.InitialisedAsync(server);

        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":40,"mode":"concurrent","concurrency":4}""");

        Assert.Equal(Enumerable.Range(1, 40).Select(n => (long)n), Numbers(agent, "sequence").Order());
        Assert.Equal([0L, 1, 2, 3], Numbers(agent, "worker").Distinct().Order());
        Assert.All(agent.Samples, sample => Assert.False(sample.TryGetProperty("batch", out _)));
    }

    [Theory]
    [InlineData("standard", 1)]
    [InlineData("batch", 2)]
    [InlineData("concurrent", 2)]
    public async Task A_block_by_time_starts_nothing_after_its_end(string mode, int concurrency)
    {
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            await Task.Delay(20);
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });
        var agent = await AgentHarness.InitialisedAsync(server);

        var result = await agent.CallAsync("run", $$"""{"runId":"r","firstSequence":1,"durationSeconds":0.3,"mode":"{{mode}}","concurrency":{{concurrency}}}""");

        Assert.True(result.GetProperty("wallNs").GetInt64() >= 300_000_000);
        Assert.NotEmpty(agent.Samples);
        Assert.Equal(agent.Samples.Count, result.GetProperty("completed").GetInt32());
    }

    [Fact]
    public async Task Samples_of_overlapping_calls_arrive_while_others_go_on()
    {
        using var reported = new SemaphoreSlim(0);
        var calls = 0;
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            // The first call is answered only when the sample of another one has been written.
            if (Interlocked.Increment(ref calls) == 1)
            {
                await reported.WaitAsync();
            }

            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });
        var agent = await AgentHarness.InitialisedAsync(server);

        var run = await agent.SendAsync("run", """{"runId":"r","firstSequence":1,"iterations":2,"mode":"concurrent","concurrency":2}""");
        var early = await agent.NextAsync();
        reported.Release();

        Assert.Equal("samples", early.GetProperty("method").GetString());
        Assert.Equal(2, (await agent.ReplyAsync(run)).GetProperty("result").GetProperty("completed").GetInt32());
        Assert.Single(agent.Samples);
    }

    [Fact]
    public async Task Warm_up_answers_with_its_samples_and_notifies_nothing()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        var none = await agent.CallAsync("warmup", """{"runId":"w","iterations":0}""");
        var two = await agent.CallAsync("warmup", """{"runId":"w","iterations":2}""");

        Assert.Empty(none.GetProperty("samples").EnumerateArray());
        Assert.Equal([1L, 2], two.GetProperty("samples").EnumerateArray().Select(sample => sample.GetProperty("sequence").GetInt64()));
        Assert.Empty(agent.Samples);
    }

    [Fact]
    public async Task Warm_up_goes_on_where_it_stopped_and_works_as_the_run_will()
    {
        using var gate = new SemaphoreSlim(0);
        var waiting = 0;
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            // Nothing is answered before all three workers have asked.
            if (Interlocked.Increment(ref waiting) == 3)
            {
                gate.Release(3);
            }

            await gate.WaitAsync();
            await FakeModelServer.AnswerAsync(stream, FakeModelServer.Done);
        });
        var agent = await AgentHarness.InitialisedAsync(server);

        var result = await agent.CallAsync("warmup", """{"runId":"w","iterations":3,"firstSequence":8,"mode":"concurrent","concurrency":3}""");

        var samples = result.GetProperty("samples").EnumerateArray().ToList();
        Assert.Equal([8L, 9, 10], samples.Select(sample => sample.GetProperty("sequence").GetInt64()).Order());
        Assert.All(samples, sample => Assert.Equal("ok", sample.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task No_history_is_carried_to_the_next_iteration()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server, """{"instructions":"Be brief."}""");

        await agent.CallAsync("warmup", """{"runId":"w","iterations":3}""");

        Assert.All(server.Requests, request => Assert.Equal(2, Messages(request).GetArrayLength()));
    }

    private static IEnumerable<long> Numbers(AgentHarness agent, string name) =>
        agent.Samples.Select(sample => sample.GetProperty(name).GetInt64());

    private static IEnumerable<(JsonElement First, JsonElement Second)> Neighbours(AgentHarness agent) =>
        agent.Samples.Zip(agent.Samples.Skip(1));

    private static long Start(JsonElement sample) => sample.GetProperty("startNs").GetInt64();

    private static long End(JsonElement sample) => Start(sample) + sample.GetProperty("durationNs").GetInt64();

    private static JsonElement Messages(FakeRequest request) =>
        JsonElement.Parse(request.Body).GetProperty("messages");

    private static string? LastContent(FakeRequest request) =>
        Messages(request).EnumerateArray().Last().GetProperty("content").GetString();
}
