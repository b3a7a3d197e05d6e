using System.Diagnostics;

namespace PerfCompare.Agent.Model;

/// <summary>
/// Measures request handed over → body read, and records the body, because the client library loses
/// both the server's error text and a reply that never finished.
/// </summary>
internal sealed class InstrumentedTransport(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken)
    {
        if (Iteration.Current?.BeginExchange() is not { } exchange)
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }

        request.Headers.TryAddWithoutValidation("traceparent", exchange.TraceParent);
        exchange.HttpStart = Stopwatch.GetTimestamp();
        try
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            exchange.Status = response.StatusCode;
            if (response.Content.Headers.ContentLength > ModelExchange.MaxBodyBytes)
            {
                response.Dispose();
                throw new ReplyTooLargeException();
            }

            response.Content = new RecordedContent(response.Content, exchange);
            if (!response.IsSuccessStatusCode)
            {
                // The client library throws without reading what the server has to say.
                await response.Content.LoadIntoBufferAsync(ModelExchange.MaxBodyBytes, cancellationToken)
                    .ConfigureAwait(false);
            }

            return response;
        }
        catch (Exception failure)
        {
            exchange.Failure = failure;
            throw;
        }
    }
}
