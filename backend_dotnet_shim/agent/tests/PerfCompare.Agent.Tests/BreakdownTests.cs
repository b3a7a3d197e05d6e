using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class BreakdownTests
{
    private static readonly string[] s_summed =
        ["transportNs", "modelNs", "loadNs", "promptEvalNs", "evalNs", "promptTokens", "completionTokens"];

    [Fact]
    public async Task The_calls_parts_stand_on_top_and_lie_inside_one_another()
    {
        var sample = await OneAsync(FakeModelServer.Done);
        var call = Assert.Single(sample.GetProperty("calls").EnumerateArray());

        Assert.All(s_summed, name => Assert.Equal(Number(call, name), Number(sample, name)));
        Assert.Equal(5_000, Number(sample, "modelNs"));
        Assert.Equal(3, Number(sample, "promptTokens"));
        Assert.Equal("stop", call.GetProperty("doneReason").GetString());
        Assert.True(Number(sample, "startNs") <= Number(call, "startNs"));
        Assert.True(Number(call, "startNs") <= Number(call, "httpStartNs"));
        Assert.True(Number(call, "transportNs") <= Number(call, "durationNs"));
        Assert.True(Number(call, "durationNs") <= Number(sample, "durationNs"));
    }

    [Fact]
    public async Task A_figure_of_zero_or_none_is_unknown()
    {
        var sample = await OneAsync("""{"message":{"role":"assistant","content":"x"},"done":true,"total_duration":0}""");

        Assert.Equal("ok", sample.GetProperty("outcome").GetString());
        Assert.All(s_summed[1..], name => Assert.False(sample.TryGetProperty(name, out _), name));
    }

    [Fact]
    public async Task A_delay_in_the_chat_client_is_the_frameworks_share()
    {
        var sample = await OneAsync(FakeModelServer.Done, """{"delayMs":50}""");

        Assert.True(Number(sample, "durationNs") - Number(sample, "transportNs") >= 50_000_000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task The_bare_loop_times_the_same_calls(int concurrency)
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        var result = await agent.CallAsync("bareLoop", $$"""{"iterations":7,"concurrency":{{concurrency}}}""");

        var durations = result.GetProperty("durationsNs").EnumerateArray().Select(duration => duration.GetInt64()).ToList();
        Assert.Equal(7, durations.Count);
        Assert.InRange(durations.Sum(), durations.Max(), concurrency * Number(result, "wallNs"));
        Assert.Equal(7, server.Requests.Count);
        Assert.Single(server.Requests.Select(request => request.Headers["traceparent"]).Distinct());
    }

    private static async Task<JsonElement> OneAsync(string reply, string configuration = "{}")
    {
        await using var server = new FakeModelServer(reply);
        var agent = await AgentHarness.InitialisedAsync(server, configuration);
        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":1,"mode":"standard","concurrency":1}""");
        return Assert.Single(agent.Samples);
    }

    private static long Number(JsonElement value, string name) => value.GetProperty(name).GetInt64();
}
