using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>
/// A reply's content whose body is recorded while it passes: read by the client library piece by
/// piece, or copied into a buffer by the HTTP client.
/// </summary>
internal sealed class RecordedContent : HttpContent
{
    private readonly HttpContent _original;
    private readonly ModelExchange _exchange;

    public RecordedContent(HttpContent original, ModelExchange exchange)
    {
        _original = original;
        _exchange = exchange;

        // As it came: parsing it would be work that only a measured call has.
        if (original.Headers.NonValidated.TryGetValues("Content-Type", out var type))
        {
            Headers.TryAddWithoutValidation("Content-Type", type.ToString());
        }
    }

    protected override async Task<Stream> CreateContentReadStreamAsync() =>
        new RecordedStream(await _original.ReadAsStreamAsync().ConfigureAwait(false), _exchange);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, _exchange.Cancelled);

    protected override async Task SerializeToStreamAsync(
        Stream stream,
        TransportContext? context,
        CancellationToken cancellationToken)
    {
        try
        {
            await _original.CopyToAsync(new RecordingSink(stream, _exchange), context, cancellationToken)
                .ConfigureAwait(false);
            _exchange.EndBody();
        }
        catch (Exception failure)
        {
            _exchange.Failure = failure;
            throw;
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _original.Headers.ContentLength ?? -1;
        return length >= 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _original.Dispose();
        }

        base.Dispose(disposing);
    }
}
