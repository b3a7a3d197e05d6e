using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Tests;

/// <summary>The agent without its process: lines in, messages out.</summary>
internal sealed class AgentHarness
{
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(20);

    private readonly RecordedOutput _output = new();
    private readonly AgentServer _server;
    private long _lastId;

    public AgentHarness() => _server = new(new MessageWriter(_output));

    public List<JsonElement> Samples { get; } = [];

    public static async Task<AgentHarness> InitialisedAsync(
        FakeModelServer server,
        string configuration = "{}")
    {
        var agent = new AgentHarness();
        var parameters = JsonNode.Parse(configuration)!.AsObject();
        parameters["endpoint"] ??= "http://model.test:11434";
        parameters["model"] ??= "m";
        await agent.CallAsync("initialize", $$"""{"configuration":{{parameters.ToJsonString()}},"connectTo":"{{server.Address}}"}""");
        return agent;
    }

    public async Task<JsonElement> CallAsync(string method, string parameters)
    {
        var reply = await ReplyAsync(await SendAsync(method, parameters));
        Assert.True(reply.TryGetProperty("result", out var result), reply.ToString());
        return result;
    }

    public async Task<int> RefusalAsync(string method, string parameters)
    {
        var reply = await ReplyAsync(await SendAsync(method, parameters));
        return reply.GetProperty("error").GetProperty("code").GetInt32();
    }

    public async Task<long> SendAsync(string method, string parameters)
    {
        var id = ++_lastId;
        await LineAsync($$"""{"jsonrpc":"2.0","id":{{id}},"method":"{{method}}","params":{{parameters}}}""");
        return id;
    }

    public Task<bool> LineAsync(string line) => _server.HandleAsync(Encoding.UTF8.GetBytes(line));

    public async Task<JsonElement> ReplyAsync(long id)
    {
        while (true)
        {
            var message = await NextAsync();
            if (message.TryGetProperty("method", out _))
            {
                Samples.AddRange(message.GetProperty("params").GetProperty("samples").EnumerateArray());
                continue;
            }

            Assert.Equal(id, message.GetProperty("id").GetInt64());
            return message;
        }
    }

    public async Task<JsonElement> NextAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        return await _output.NextAsync(patience.Token);
    }
}
