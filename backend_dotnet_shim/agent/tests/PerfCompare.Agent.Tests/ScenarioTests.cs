using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class ScenarioTests
{
    private const string Hello = """{"role":"assistant","content":"hello"}""";
    private const string Lima = """{"role":"assistant","content":"{\"city\":\"Lima\",\"country\":\"Peru\",\"population\":11000000}"}""";

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Functions_that_the_model_asks_for_are_invoked(string flavour, string mode)
    {
        await using var server = ToolServer(
            """{"function":{"name":"add_numbers","arguments":{"a":2,"b":40}}}""",
            """{"function":{"name":"count_words","arguments":{"text":" one two  three"}}}""");

        var sample = Assert.Single(await RunAsync(server, "tools", flavour, mode));

        Assert.Equal("ok", Text(sample, "outcome"));
        Assert.Equal(2, Number(sample, "toolCalls"));
        Assert.Equal(2, sample.GetProperty("calls").GetArrayLength());
        Assert.InRange(Number(sample, "toolNs"), 1, Number(sample, "durationNs") - Number(sample, "transportNs"));
        Assert.Equal(["user", "assistant", "tool", "tool"], server.Requests[1].Messages.Select(message => Text(message, "role")));
        Assert.Equal(["42", "3"], server.Requests[1].Messages.Skip(2).Select(ToolResult));
        Assert.Equal(2, server.Requests[1].Messages[1].GetProperty("tool_calls").GetArrayLength());
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task The_model_is_told_of_the_same_functions(string flavour, string mode)
    {
        await using var server = ToolServer();

        await RunAsync(server, "tools", flavour, mode);

        AssertSame(
            """
            [
              {"type": "function", "function": {
                "name": "add_numbers",
                "description": "Add two whole numbers.",
                "parameters": {
                  "type": "object",
                  "properties": {
                    "a": {"type": "integer", "description": "The first number."},
                    "b": {"type": "integer", "description": "The second number."}
                  },
                  "required": ["a", "b"],
                  "additionalProperties": false}}},
              {"type": "function", "function": {
                "name": "count_words",
                "description": "Count the words of a text.",
                "parameters": {
                  "type": "object",
                  "properties": {"text": {"type": "string", "description": "The text."}},
                  "required": ["text"],
                  "additionalProperties": false}}}
            ]
            """,
            Assert.Single(server.Requests).Json.GetProperty("tools"));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task The_model_is_told_of_its_mistakes(string flavour, string mode)
    {
        await using var server = ToolServer(
            """{"function":{"name":"add_numbers","arguments":{"a":"two"}}}""",
            """{"function":{"name":"launch","arguments":{}}}""");

        var sample = Assert.Single(await RunAsync(server, "tools", flavour, mode));

        Assert.Equal("ok", Text(sample, "outcome"));
        Assert.All(server.Requests[1].Messages.Skip(2), message =>
            Assert.StartsWith("Error: ", ToolResult(message), StringComparison.Ordinal));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task A_call_for_a_function_that_was_not_offered_does_no_harm(string flavour, string mode)
    {
        await using var server = ToolServer("""{"function":{"name":"add_numbers","arguments":{"a":2,"b":40}}}""");

        var sample = Assert.Single(await RunAsync(server, "chat", flavour, mode));

        // The framework tells the model that there is no such function; without it the answer stands.
        Assert.Equal("ok", Text(sample, "outcome"));
        Assert.Equal(flavour == "agent" ? 2 : 1, server.Requests.Count);
        Assert.False(sample.TryGetProperty("toolCalls", out _));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task A_session_has_so_many_turns(string flavour, string mode)
    {
        await using var server = new FakeModelServer((request, stream) => FakeModelServer.AnswerAsync(request, stream, Hello));

        var samples = await RunAsync(server, "conversation", flavour, mode, iterations: 5, more: ""","turns":3,"instructions":"Be brief." """);

        Assert.Equal([1L, 2, 3, 1, 2], samples.Select(sample => Number(sample, "turn")));
        Assert.Equal([2, 4, 6, 2, 4], server.Requests.Select(request => request.Messages.Count));
        Assert.Equal(
            ["Be brief.", "Say hello 1", "hello", "Say hello 2", "hello", "Say hello 3"],
            server.Requests[2].Messages.Select(message => Text(message, "content")));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task A_failed_turn_ends_its_session(string flavour, string mode)
    {
        var calls = 0;
        await using var server = new FakeModelServer((request, stream) => ++calls == 2
            ? FakeModelServer.AnswerAsync(stream, FakeModelServer.Piece("half"))
            : FakeModelServer.AnswerAsync(request, stream, Hello));

        var samples = await RunAsync(server, "conversation", flavour, mode, iterations: 4);

        Assert.Equal(["ok", "error", "ok", "ok"], samples.Select(sample => Text(sample, "outcome")));
        Assert.Equal([1L, 2, 1, 2], samples.Select(sample => Number(sample, "turn")));
        Assert.Equal([1, 3, 1, 3], server.Requests.Select(request => request.Messages.Count));
    }

    [Fact]
    public async Task Sessions_outlive_a_block_and_those_of_the_warm_up_are_others()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server, """{"scenario":"conversation","turns":5}""");

        var warmup = await agent.CallAsync("warmup", """{"runId":"r","iterations":2}""");
        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":2,"mode":"standard","concurrency":1}""");
        await agent.CallAsync("run", """{"runId":"r","firstSequence":3,"iterations":2,"mode":"standard","concurrency":1}""");

        Assert.Equal([1L, 2], warmup.GetProperty("samples").EnumerateArray().Select(sample => Number(sample, "turn")));
        Assert.Equal([1L, 2, 3, 4], agent.Samples.Select(sample => Number(sample, "turn")));
    }

    [Fact]
    public async Task Workers_have_sessions_of_their_own()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server, """{"scenario":"conversation","turns":2}""");

        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":6,"mode":"batch","concurrency":3}""");

        Assert.Equal([1L, 1, 1, 2, 2, 2], agent.Samples.Select(sample => Number(sample, "turn")));
        Assert.Equal([1, 1, 1, 3, 3, 3], server.Requests.Select(request => request.Messages.Count));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task A_typed_answer_is_read_into_its_type(string flavour, string mode)
    {
        await using var server = new FakeModelServer((request, stream) => FakeModelServer.AnswerAsync(request, stream, Lima));

        var sample = Assert.Single(await RunAsync(server, "structured", flavour, mode));

        Assert.Equal("ok", Text(sample, "outcome"));
        Assert.True(sample.GetProperty("parsed").GetBoolean());
        AssertSame(
            """
            {
              "$schema": "https://json-schema.org/draft/2020-12/schema",
              "type": "object",
              "properties": {"city": {"type": "string"}, "country": {"type": "string"}, "population": {"type": "integer"}},
              "required": ["city", "country", "population"],
              "additionalProperties": false
            }
            """,
            server.Requests[0].Json.GetProperty("format"));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task An_answer_of_another_type_is_no_success(string flavour, string mode)
    {
        string[] wrong = ["hello", """{\"city\":\"Lima\"}""", """{\"city\":\"Lima\",\"country\":\"Peru\",\"population\":\"many\"}""", "null"];
        var calls = 0;
        await using var server = new FakeModelServer((request, stream) => FakeModelServer.AnswerAsync(
            request,
            stream,
            $$"""{"role":"assistant","content":"{{wrong[calls++]}}"}"""));

        var samples = await RunAsync(server, "structured", flavour, mode, wrong.Length);

        Assert.All(samples, sample => Assert.Equal("invalid-reply", Text(sample, "errorKind")));
        Assert.All(samples, sample => Assert.False(sample.GetProperty("parsed").GetBoolean()));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Where_there_is_no_answer_nothing_was_parsed(string flavour, string mode)
    {
        await using var server = new FakeModelServer("""{"error":"server busy"}""", status: 503);

        var sample = Assert.Single(await RunAsync(server, "structured", flavour, mode));

        Assert.Equal("http", Text(sample, "errorKind"));
        Assert.False(sample.TryGetProperty("parsed", out _));
    }

    private static FakeModelServer ToolServer(params string[] toolCalls) => new((request, stream) =>
        FakeModelServer.AnswerAsync(
            request,
            stream,
            toolCalls.Length > 0 && Text(request.Messages[^1], "role") == "user"
                ? $$"""{"role":"assistant","content":"","tool_calls":[{{string.Join(',', toolCalls)}}]}"""
                : Hello));

    private static async Task<List<JsonElement>> RunAsync(
        FakeModelServer server,
        string scenario,
        string flavour,
        string mode,
        int iterations = 1,
        string more = "")
    {
        var agent = await AgentHarness.InitialisedAsync(
            server,
            $$"""{"scenario":"{{scenario}}","flavour":"{{flavour}}"{{more}}}""");
        await agent.CallAsync(
            "run",
            $$"""{"runId":"r","firstSequence":1,"iterations":{{iterations}},"mode":"{{mode}}","concurrency":1}""");
        return agent.Samples;
    }

    /// <summary>Under the framework, OllamaSharp sends a result as an object with the call's id.</summary>
    private static string? ToolResult(JsonElement message)
    {
        var content = Text(message, "content")!;
        return content.StartsWith('{') ? JsonElement.Parse(content).GetProperty("Result").ToString() : content;
    }

    private static void AssertSame(string expected, JsonElement actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), actual), actual.ToString());

    private static long Number(JsonElement value, string name) => value.GetProperty(name).GetInt64();

    private static string? Text(JsonElement value, string name) => value.GetProperty(name).GetString();
}
