using System.Text.Json;

namespace PerfCompare.Agent.Tests;

/// <summary>A run whose requests have arrived and are not answered.</summary>
internal sealed class StalledRun : IAsyncDisposable
{
    public required FakeModelServer Server { get; init; }

    public required AgentHarness Agent { get; init; }

    public required long RunCall { get; init; }

    public static async Task<StalledRun> StartAsync(string method, string parameters, int requests = 1)
    {
        using var arrived = new SemaphoreSlim(0);
        FakeModelServer? self = null;
        var server = self = new FakeModelServer(async (_, stream) =>
        {
            arrived.Release();
            await self!.HangAsync(stream);
        });
        var agent = await AgentHarness.InitialisedAsync(server);
        var call = await agent.SendAsync(method, parameters);
        for (var request = 0; request < requests; request++)
        {
            Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(20)));
        }

        return new() { Server = server, Agent = agent, RunCall = call };
    }

    public Task<JsonElement> CancelAsync(string runId) =>
        Agent.CallAsync("cancel", $$"""{"runId":"{{runId}}"}""");

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
