using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PerfCompare.Agent.Tests;

/// <summary>A model server of a few lines: it answers each request with what the test says.</summary>
internal sealed class FakeModelServer : IAsyncDisposable
{
    public const string Done =
        """
        {"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"hi"},
        """ + """
        "done":true,"done_reason":"stop","total_duration":5000,"load_duration":100,"prompt_eval_count":3,"prompt_eval_duration":1000,"eval_count":2,"eval_duration":2000}
        """;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<FakeRequest, NetworkStream, Task> _answer;
    private readonly Task _accepting;

    public FakeModelServer(Func<FakeRequest, NetworkStream, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public FakeModelServer(string body = Done, int status = 200)
        : this((_, stream) => AnswerAsync(stream, body, status))
    {
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    public List<FakeRequest> Requests { get; } = [];

    public int Connections { get; private set; }

    /// <summary>Completes when a client has closed its connection.</summary>
    public TaskCompletionSource ClientGone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static async Task AnswerAsync(NetworkStream stream, string body, int status = 200, string headers = "")
    {
        var content = Encoding.UTF8.GetBytes(body);
        var head = $"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {content.Length}\r\n{headers}\r\n";
        await stream.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. content]);
    }

    /// <summary>Answers with one line after another, each in a chunk of its own.</summary>
    public static async Task StreamAsync(NetworkStream stream, IEnumerable<string> lines, TimeSpan gap = default)
    {
        await stream.WriteAsync("HTTP/1.1 200 -\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray());
        foreach (var line in lines)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(line) + 1:x}\r\n{line}\n\r\n"));
            await Task.Delay(gap);
        }

        await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
    }

    /// <summary>Answers with one message as the request wants it: at once, or in two lines.</summary>
    public static Task AnswerAsync(FakeRequest request, NetworkStream stream, string message)
    {
        var piece = Piece("").Replace("""{"role":"assistant","content":""}""", message, StringComparison.Ordinal);
        return request.Json.GetProperty("stream").GetBoolean()
            ? StreamAsync(stream, [piece, DoneWith("""{"role":"assistant","content":""}""")])
            : AnswerAsync(stream, DoneWith(message));
    }

    /// <summary>The last or only object of a reply.</summary>
    public static string DoneWith(string message) =>
        Done.Replace("""{"role":"assistant","content":"hi"}""", message, StringComparison.Ordinal);

    /// <summary>A line of a streamed reply.</summary>
    public static string Piece(string text) =>
        $$"""{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"{{text}}"},"done":false}""";

    /// <summary>Answers nothing until the client goes away.</summary>
    public async Task HangAsync(NetworkStream stream)
    {
        try
        {
            _ = await stream.ReadAsync(new byte[1], _stop.Token);
        }
        catch (IOException)
        {
            // A reset is a way of going away as well.
        }

    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Connections++;
                _ = ServeAsync(client);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await using var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
                while (await FakeRequest.ReadAsync(reader) is { } request)
                {
                    lock (Requests)
                    {
                        Requests.Add(request);
                    }

                    await _answer(request, stream);
                }
            }
            catch (Exception end) when (end is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // The client or the test has ended.
            }

            ClientGone.TrySetResult();
        }
    }
}
