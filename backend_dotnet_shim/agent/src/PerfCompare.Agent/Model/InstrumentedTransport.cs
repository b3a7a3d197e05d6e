using System.Diagnostics;

namespace PerfCompare.Agent.Model;

/// <summary>
/// Measures request handed over → body read, and keeps the body, because the client library loses
/// both the server's error text and a reply that never finished.
/// </summary>
internal sealed class InstrumentedTransport(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken)
    {
        if (IterationRecorder.Current?.Latest is not { } exchange)
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }

        request.Headers.TryAddWithoutValidation("traceparent", exchange.TraceParent);
        exchange.HttpStart = Stopwatch.GetTimestamp();
        HttpResponseMessage? response = null;
        try
        {
            response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            exchange.Status = response.StatusCode;
            using var content = response.Content;
            exchange.Body = await ReplyBody.ReadAsync(content, cancellationToken).ConfigureAwait(false);
            exchange.HttpEnd = Stopwatch.GetTimestamp();
            response.Content = Replay(exchange.Body, content);
            return response;
        }
        catch (Exception failure)
        {
            exchange.Failure = failure;
            response?.Dispose();
            throw;
        }
    }

    private static ByteArrayContent Replay(ArraySegment<byte> body, HttpContent original)
    {
        var replay = new ByteArrayContent(body.Array!, body.Offset, body.Count);
        replay.Headers.ContentType = original.Headers.ContentType;
        return replay;
    }
}
