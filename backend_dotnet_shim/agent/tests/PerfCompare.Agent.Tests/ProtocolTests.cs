namespace PerfCompare.Agent.Tests;

public sealed class ProtocolTests
{
    private const string Run = """{"runId":"r","firstSequence":1,"iterations":1,"mode":"standard","concurrency":1}""";

    [Theory]
    [InlineData("run", Run)]
    [InlineData("warmup", """{"runId":"w","iterations":1}""")]
    [InlineData("cancel", """{"runId":"w"}""")]
    [InlineData("runtimeStatistics", "{}")]
    public async Task Nothing_works_before_initialize(string method, string parameters)
    {
        Assert.Equal(-32001, await new AgentHarness().RefusalAsync(method, parameters));
    }

    [Fact]
    public async Task Only_a_native_executable_is_of_the_flavour_aot()
    {
        Assert.Equal(-32005, await new AgentHarness().RefusalAsync("initialize", """{"configuration":{"flavour":"aot"}}"""));
    }

    [Theory]
    [InlineData("agent")]
    [InlineData("client")]
    [InlineData("http")]
    public async Task The_agent_is_of_the_flavour_that_was_asked_for(string flavour)
    {
        var identity = await new AgentHarness().CallAsync("initialize", $$$"""{"configuration":{"flavour":"{{{flavour}}}"}}""");

        Assert.Equal(flavour, identity.GetProperty("flavour").GetString());
        Assert.Equal(
            ["standard", "batch", "concurrent", "streaming", "rate"],
            identity.GetProperty("modes").EnumerateArray().Select(mode => mode.GetString()));
        Assert.Equal(
            ["chat", "tools", "conversation", "structured"],
            identity.GetProperty("scenarios").EnumerateArray().Select(scenario => scenario.GetString()));
    }

    [Theory]
    [InlineData("""{"configuration":{"endpoint":"ftp://x"}}""")]
    [InlineData("""{"configuration":{"endpoint":"http://user@x"}}""")]
    [InlineData("""{"configuration":{},"connectTo":"localhost:11434"}""")]
    [InlineData("""{"configuration":{},"connectTo":"127.0.0.1"}""")]
    [InlineData("""{"configuration":{},"extra":1}""")]
    [InlineData("""{"configuration":{"prompt":"\ud800"}}""")]
    public async Task Bad_parameters_of_initialize_are_refused(string parameters)
    {
        Assert.Equal(-32602, await new AgentHarness().RefusalAsync("initialize", parameters));
    }

    [Theory]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"iterations":1,"mode":"rate","concurrency":1}""")]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"iterations":1,"mode":"streaming","concurrency":2}""")]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"iterations":1,"mode":"burst","concurrency":1}""")]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"mode":"standard","concurrency":1}""")]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"iterations":1,"mode":"standard","concurrency":2}""")]
    [InlineData(-32602, """{"runId":"r","firstSequence":1,"iterations":"1","mode":"standard","concurrency":1}""")]
    [InlineData(-32600, """{"runId":"r","runId":"s","firstSequence":1,"iterations":1,"mode":"standard","concurrency":1}""")]
    public async Task A_run_that_cannot_be_is_refused(int code, string parameters)
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        Assert.Equal(code, await agent.RefusalAsync("run", parameters));
    }

    [Theory]
    [InlineData("""{"runId":"w","iterations":1,"mode":"rate"}""")]
    [InlineData("""{"runId":"w","iterations":1,"mode":"streaming","concurrency":2}""")]
    [InlineData("""{"runId":"w","iterations":-1}""")]
    public async Task A_warm_up_that_cannot_be_is_refused(string parameters)
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        Assert.Equal(-32602, await agent.RefusalAsync("warmup", parameters));
    }

    [Theory]
    [InlineData("nonsense", -32700)]
    [InlineData("", -32700)]
    [InlineData("[]", -32600)]
    [InlineData("""{"jsonrpc":"1.0","id":1,"method":"run"}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":"x","method":"run"}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"nonsense"}""", -32601)]
    public async Task A_line_that_is_no_call_is_answered_with_an_error(string line, int code)
    {
        var agent = new AgentHarness();

        Assert.True(await agent.LineAsync(line));

        Assert.Equal(code, (await agent.NextAsync()).GetProperty("error").GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task The_runtimes_own_counters_are_known()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        var statistics = await agent.CallAsync("runtimeStatistics", "{}");

        Assert.Equal(3, statistics.GetProperty("gcCollections").GetArrayLength());
        Assert.True(statistics.GetProperty("heapBytes").GetInt64() > 0);
        Assert.True(statistics.GetProperty("threads").GetInt64() > 0);
    }

    [Fact]
    public async Task Shutdown_is_answered_and_ends_the_agent()
    {
        var agent = new AgentHarness();

        Assert.False(await agent.LineAsync("""{"jsonrpc":"2.0","id":1,"method":"shutdown"}"""));

        Assert.Equal("{}", (await agent.NextAsync()).GetProperty("result").GetRawText());
    }
}
