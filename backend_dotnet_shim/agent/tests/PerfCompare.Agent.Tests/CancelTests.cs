namespace PerfCompare.Agent.Tests;

public sealed class CancelTests
{
    private const string Endless = """{"runId":"r","firstSequence":1,"iterations":100,"mode":"standard","concurrency":1}""";

    [Fact]
    public async Task Cancelling_closes_the_connection_and_the_run_says_so()
    {
        await using var fixture = await StalledRun.StartAsync("run", Endless);

        Assert.True((await fixture.CancelAsync("r")).GetProperty("cancelled").GetBoolean());
        var reply = await fixture.Agent.ReplyAsync(fixture.RunCall);

        await fixture.Server.ClientGone.Task.WaitAsync(AgentHarness.Patience, TestContext.Current.CancellationToken);
        Assert.True(reply.GetProperty("result").GetProperty("cancelled").GetBoolean());
        Assert.Equal(0, reply.GetProperty("result").GetProperty("completed").GetInt32());
        var sample = Assert.Single(fixture.Agent.Samples);
        Assert.Equal("cancelled", sample.GetProperty("outcome").GetString());
        Assert.Equal("cancelled", sample.GetProperty("errorKind").GetString());
    }

    [Fact]
    public async Task A_warm_up_can_be_cancelled_too()
    {
        await using var fixture = await StalledRun.StartAsync("warmup", """{"runId":"w","iterations":100}""");

        Assert.True((await fixture.CancelAsync("w")).GetProperty("cancelled").GetBoolean());
        var reply = await fixture.Agent.ReplyAsync(fixture.RunCall);

        Assert.Equal("cancelled", reply.GetProperty("result").GetProperty("samples")[0].GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task Every_worker_is_aborted()
    {
        await using var fixture = await StalledRun.StartAsync(
            "run",
            """{"runId":"r","firstSequence":1,"iterations":100,"mode":"concurrent","concurrency":4}""",
            requests: 4);

        await fixture.CancelAsync("r");
        await fixture.Agent.ReplyAsync(fixture.RunCall);

        Assert.Equal([1L, 2, 3, 4], fixture.Agent.Samples.Select(sample => sample.GetProperty("sequence").GetInt64()).Order());
    }

    [Fact]
    public async Task Another_run_is_left_alone()
    {
        await using var fixture = await StalledRun.StartAsync("run", Endless);

        Assert.False((await fixture.CancelAsync("other")).GetProperty("cancelled").GetBoolean());
        Assert.Equal(-32002, await fixture.Agent.RefusalAsync("warmup", """{"runId":"w","iterations":1}"""));
        await fixture.CancelAsync("r");
        await fixture.Agent.ReplyAsync(fixture.RunCall);
        Assert.False((await fixture.CancelAsync("r")).GetProperty("cancelled").GetBoolean());
    }
}
