using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class FailureTests
{
    private static readonly string s_unfinished =
        FakeModelServer.Done.Replace("\"done\":true", "\"done\":false", StringComparison.Ordinal);

    public static TheoryData<int, string, string, string> Replies() => new()
    {
        { 404, """{"error":"model 'm' not found"}""", "model-not-found", "model 'm' not found" },
        { 404, "404 page not found", "http", "HTTP 404: 404 page not found" },
        { 400, """{"error":"\"m\" does not support chat"}""", "http", "HTTP 400: \"m\" does not support chat" },
        { 503, """{"error":"server busy"}""", "http", "HTTP 503: server busy" },
        { 500, "", "http", "HTTP 500" },
        { 201, FakeModelServer.Done, "http", "HTTP 201" },
        { 200, s_unfinished, "incomplete", "done:true" },
        { 200, "", "incomplete", "done:true" },
        { 200, s_unfinished + "\n" + """{"error":"runner stopped"}""", "stream-error", "runner stopped" },
        { 200, """{"error":"runner stopped"}""", "stream-error", "runner stopped" },
        { 200, "<html>", "invalid-reply", "" },
        { 200, "[]", "invalid-reply", "" },
        { 200, """{"message":{"role":"assistant","content":3},"done":true}""", "invalid-reply", "text" },
        { 200, """{"message":{"role":"assistant","content":"x"},"done":"yes"}""", "invalid-reply", "done" },
        { 200, """{"message":{"role":"assistant","content":"x"},"done":true,"total_duration":-5}""", "invalid-reply", "total_duration" },
        { 200, """{"message":{"role":"assistant","content":"x"},"done":true,"eval_count":1.5}""", "invalid-reply", "eval_count" },
        { 200, """{"done":true}""", "invalid-reply", "message" },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public async Task A_reply_is_judged_by_us(int status, string body, string kind, string message)
    {
        await using var server = new FakeModelServer(body, status);

        var sample = await OneAsync(server);

        Assert.Equal("error", sample.GetProperty("outcome").GetString());
        Assert.Equal(kind, sample.GetProperty("errorKind").GetString());
        Assert.Contains(message, sample.GetProperty("errorMessage").GetString()!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "incomplete")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"mod", "incomplete")]
    [InlineData("", "incomplete")]
    [InlineData("no HTTP at all\r\n\r\n", "invalid-reply")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{", "invalid-reply")]
    public async Task A_broken_exchange_is_told_from_a_bad_reply(string raw, string kind)
    {
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(raw));
            stream.Socket.Shutdown(SocketShutdown.Both);
        });

        Assert.Equal(kind, (await OneAsync(server)).GetProperty("errorKind").GetString());
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var server = new FakeModelServer((_, stream) =>
            FakeModelServer.AnswerAsync(stream, "", 307, "Location: http://127.0.0.1:9/\r\n"));

        Assert.Equal("http", (await OneAsync(server)).GetProperty("errorKind").GetString());
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_refused_connection_is_a_failure_to_connect()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString();
        listener.Dispose();
        var agent = new AgentHarness();
        await agent.CallAsync("initialize", $$"""{"configuration":{"model":"m"},"connectTo":"{{address}}"}""");

        var sample = await OneAsync(agent);

        Assert.Equal("connect", sample.GetProperty("errorKind").GetString());
        Assert.False(sample.TryGetProperty("transportNs", out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_ends_at_its_time_limit(bool inTheBody)
    {
        FakeModelServer? self = null;
        await using var server = self = new FakeModelServer(async (_, stream) =>
        {
            if (inTheBody)
            {
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"u8.ToArray());
            }

            await self!.HangAsync(stream);
        });

        var sample = await OneAsync(server, """{"requestTimeoutSeconds":0.2}""");

        Assert.Equal("timeout", sample.GetProperty("outcome").GetString());
        Assert.Equal("timeout", sample.GetProperty("errorKind").GetString());
        await server.ClientGone.Task.WaitAsync(AgentHarness.Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_long_error_text_is_cut_to_500_characters()
    {
        await using var server = new FakeModelServer(
            $$"""{"error":"{{new string('x', 493)}}{{string.Concat(Enumerable.Repeat("\U0001F600", 300))}}"}""",
            500);

        var message = (await OneAsync(server)).GetProperty("errorMessage").GetString()!;

        Assert.InRange(message.Length, 490, 500);
        Assert.False(char.IsHighSurrogate(message[^1]));
    }

    private static async Task<JsonElement> OneAsync(FakeModelServer server, string configuration = "{}") =>
        await OneAsync(await AgentHarness.InitialisedAsync(server, configuration));

    private static async Task<JsonElement> OneAsync(AgentHarness agent)
    {
        await agent.CallAsync("run", """{"runId":"r","firstSequence":1,"iterations":1,"mode":"standard","concurrency":1}""");
        return Assert.Single(agent.Samples);
    }
}
