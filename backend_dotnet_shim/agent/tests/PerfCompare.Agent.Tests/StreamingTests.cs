using System.Text.Json;

namespace PerfCompare.Agent.Tests;

public sealed class StreamingTests
{
    private const string Run = """{"runId":"r","firstSequence":1,"iterations":1,"mode":"streaming","concurrency":1}""";
    private static readonly string s_done =
        FakeModelServer.Done.Replace("\"content\":\"hi\"", "\"content\":\"\"", StringComparison.Ordinal);

    public static TheoryData<string[], string> Failures() => new()
    {
        { [FakeModelServer.Piece("a")], "incomplete" },
        { [], "incomplete" },
        { [FakeModelServer.Piece("a"), """{"error":"runner stopped"}"""], "stream-error" },
        { [FakeModelServer.Piece("a"), "<html>"], "invalid-reply" },
    };

    [Fact]
    public async Task Pieces_with_text_are_counted_and_timed()
    {
        await using var server = new FakeModelServer((_, stream) => FakeModelServer.StreamAsync(
            stream,
            [FakeModelServer.Piece(""), FakeModelServer.Piece("a"), FakeModelServer.Piece(""), FakeModelServer.Piece("b"), s_done],
            gap: TimeSpan.FromMilliseconds(20)));

        var sample = await OneAsync(server);

        Assert.Equal("ok", sample.GetProperty("outcome").GetString());
        Assert.Equal(2, Number(sample, "chunks"));
        Assert.True(Number(sample, "firstTokenNs") >= 20_000_000);
        Assert.True(Number(sample, "lastTokenNs") >= Number(sample, "firstTokenNs") + 20_000_000);
        Assert.True(Number(sample, "durationNs") >= Number(sample, "lastTokenNs") + 20_000_000);
        Assert.InRange(Number(sample, "transportNs"), 80_000_000, Number(sample, "durationNs"));
        Assert.Equal(5_000, Number(sample, "modelNs"));
        Assert.True(JsonElement.Parse(Assert.Single(server.Requests).Body).GetProperty("stream").GetBoolean());
    }

    [Fact]
    public async Task A_reply_without_text_has_no_first_piece()
    {
        await using var server = new FakeModelServer((_, stream) => FakeModelServer.StreamAsync(stream, [s_done]));

        var sample = await OneAsync(server);

        Assert.Equal("ok", sample.GetProperty("outcome").GetString());
        Assert.Equal(0, Number(sample, "chunks"));
        Assert.False(sample.TryGetProperty("firstTokenNs", out _));
        Assert.False(sample.TryGetProperty("lastTokenNs", out _));
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_stream_that_does_not_end_well_is_no_success(string[] lines, string kind)
    {
        await using var server = new FakeModelServer((_, stream) => FakeModelServer.StreamAsync(stream, lines));

        Assert.Equal(kind, (await OneAsync(server)).GetProperty("errorKind").GetString());
    }

    [Fact]
    public async Task The_servers_error_text_is_kept()
    {
        await using var server = new FakeModelServer("""{"error":"model 'm' not found"}""", status: 404);

        var sample = await OneAsync(server);

        Assert.Equal("model-not-found", sample.GetProperty("errorKind").GetString());
        Assert.Equal("model 'm' not found", sample.GetProperty("errorMessage").GetString());
    }

    [Fact]
    public async Task A_connection_cut_in_the_middle_is_a_failure()
    {
        await using var server = new FakeModelServer(async (_, stream) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"mod"u8.ToArray());
            stream.Close();
        });

        Assert.Equal("incomplete", (await OneAsync(server)).GetProperty("errorKind").GetString());
    }

    [Fact]
    public async Task A_stream_that_stalls_ends_at_the_time_limit()
    {
        FakeModelServer? self = null;
        await using var server = self = new FakeModelServer(async (_, stream) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"u8.ToArray());
            await self!.HangAsync(stream);
        });

        var sample = await OneAsync(server, """{"requestTimeoutSeconds":0.2}""");

        Assert.Equal("timeout", sample.GetProperty("outcome").GetString());
        await server.ClientGone.Task.WaitAsync(AgentHarness.Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_delay_is_the_frameworks_share_here_too()
    {
        await using var server = new FakeModelServer((_, stream) => FakeModelServer.StreamAsync(stream, [s_done]));

        var sample = await OneAsync(server, """{"delayMs":50}""");

        Assert.True(Number(sample, "durationNs") - Number(sample, "transportNs") >= 50_000_000);
    }

    private static async Task<JsonElement> OneAsync(FakeModelServer server, string configuration = "{}")
    {
        var agent = await AgentHarness.InitialisedAsync(server, configuration);
        await agent.CallAsync("run", Run);
        return Assert.Single(agent.Samples);
    }

    private static long Number(JsonElement value, string name) => value.GetProperty(name).GetInt64();
}
