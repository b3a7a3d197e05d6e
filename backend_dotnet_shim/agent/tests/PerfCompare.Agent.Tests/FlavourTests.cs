using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class FlavourTests
{
    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Every_flavour_sends_the_same_request(string flavour, string mode)
    {
        await using var server = Greeting();

        await RunAsync(server, flavour, mode);

        var request = Assert.Single(server.Requests);
        Assert.Equal("POST /api/chat HTTP/1.1", request.Line);
        Assert.Equal("application/json; charset=utf-8", request.Headers["Content-Type"]);
        Assert.Equal(TraceIds.Derive("r", 1, 1).TraceParent, request.Headers["traceparent"]);
        Assert.Equal(
            ["Accept", "Accept-Encoding", "Content-Length", "Content-Type", "Host", "traceparent"],
            request.Headers.Keys.Order(StringComparer.OrdinalIgnoreCase));
        var body = request.Json.EnumerateObject().Where(member => member.Name != "CustomHeaders");
        var expected = JsonElement.Parse(
            $$"""
            {
              "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Say hello 1"}
              ],
              "model": "m",
              "options": {"temperature": 0.5, "seed": 42, "num_predict": 16},
              "stream": {{(mode == "streaming" ? "true" : "false")}},
              "think": false
            }
            """);
        Assert.Equal(expected.EnumerateObject().Select(member => member.Name), body.Select(member => member.Name).Order(StringComparer.Ordinal));
        Assert.All(body, member => Assert.True(
            JsonElement.DeepEquals(expected.GetProperty(member.Name), member.Value),
            member.ToString()));
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Every_flavour_is_measured_by_the_same_transport(string flavour, string mode)
    {
        await using var server = Greeting();

        var sample = await RunAsync(server, flavour, mode, ""","delayMs":20""");

        Assert.Equal("ok", sample.GetProperty("outcome").GetString());
        Assert.Equal(5_000, sample.GetProperty("modelNs").GetInt64());
        Assert.True(sample.GetProperty("durationNs").GetInt64() - sample.GetProperty("transportNs").GetInt64() >= 20_000_000);
        Assert.Equal(mode == "streaming", sample.TryGetProperty("chunks", out var chunks) && chunks.GetInt64() == 1);
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Every_flavour_is_judged_alike(string flavour, string mode)
    {
        (string Body, int Status, string Kind)[] replies =
        [
            ("""{"error":"model 'm' not found"}""", 404, "model-not-found"),
            ("""{"error":"server busy"}""", 503, "http"),
            (FakeModelServer.Piece("half"), 200, "incomplete"),
            (FakeModelServer.Piece("half") + "\n" + """{"error":"runner stopped"}""", 200, "stream-error"),
            ("<html>", 200, "invalid-reply"),
        ];
        foreach (var (body, status, kind) in replies)
        {
            await using var server = new FakeModelServer(body, status);

            Assert.Equal(kind, (await RunAsync(server, flavour, mode)).GetProperty("errorKind").GetString());
        }
    }

    [Theory]
    [ClassData(typeof(Stacks))]
    public async Task Every_flavour_ends_at_the_time_limit(string flavour, string mode)
    {
        FakeModelServer? self = null;
        await using var server = self = new FakeModelServer(async (_, stream) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"u8.ToArray());
            await self!.HangAsync(stream);
        });

        var sample = await RunAsync(server, flavour, mode, ""","requestTimeoutSeconds":0.2""");

        Assert.Equal("timeout", sample.GetProperty("outcome").GetString());
        await server.ClientGone.Task.WaitAsync(AgentHarness.Patience, TestContext.Current.CancellationToken);
    }

    private static FakeModelServer Greeting() => new((request, stream) =>
        FakeModelServer.AnswerAsync(request, stream, """{"role":"assistant","content":"hi"}"""));

    private static async Task<JsonElement> RunAsync(FakeModelServer server, string flavour, string mode, string more = "")
    {
        var agent = await AgentHarness.InitialisedAsync(
            server,
            $$"""{"instructions":"Be brief.","temperature":0.5,"seed":42,"maxTokens":16,"flavour":"{{flavour}}"{{more}}}""");
        await agent.CallAsync("run", $$"""{"runId":"r","firstSequence":1,"iterations":1,"mode":"{{mode}}","concurrency":1}""");
        return Assert.Single(agent.Samples);
    }
}
