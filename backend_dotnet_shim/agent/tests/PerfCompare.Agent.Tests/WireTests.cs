using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class WireTests
{
    [Fact]
    public async Task The_request_is_what_the_python_agent_sends_too()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(
            server,
            """{"model":"m","instructions":"Be brief.","prompt":"Say hello {n}","temperature":0.5,"seed":42,"maxTokens":16}""");

        await agent.CallAsync("warmup", """{"runId":"r1","iterations":1}""");

        var request = Assert.Single(server.Requests);
        Assert.Equal("POST /api/chat HTTP/1.1", request.Line);
        Assert.Equal("model.test:11434", request.Headers["Host"]);
        Assert.Equal("application/json", request.Headers["Accept"]);
        Assert.Equal("identity", request.Headers["Accept-Encoding"]);
        Assert.Equal(TraceIds.Derive("r1:warmup", 1, 1).TraceParent, request.Headers["traceparent"]);
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse(
                """
                {
                  "model": "m",
                  "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Say hello 1"}
                  ],
                  "options": {"temperature": 0.5, "seed": 42, "num_predict": 16},
                  "stream": false,
                  "think": false,
                  "CustomHeaders": {}
                }
                """),
            JsonElement.Parse(request.Body)), request.Body);
    }

    [Fact]
    public async Task What_is_not_configured_is_not_sent()
    {
        await using var server = new FakeModelServer();
        var agent = await AgentHarness.InitialisedAsync(server);

        await agent.CallAsync("warmup", """{"runId":"r1","iterations":1}""");

        var body = JsonElement.Parse(server.Requests[0].Body);
        Assert.Equal(1, body.GetProperty("messages").GetArrayLength());
        Assert.Equal(["temperature"], body.GetProperty("options").EnumerateObject().Select(option => option.Name));
    }
}
