using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>A reply's content whose body is recorded while the client library reads it.</summary>
internal sealed class RecordedContent : HttpContent
{
    private readonly HttpContent _original;
    private readonly ModelExchange _exchange;

    public RecordedContent(HttpContent original, ModelExchange exchange)
    {
        _original = original;
        _exchange = exchange;
        Headers.ContentType = original.Headers.ContentType;
    }

    protected override async Task<Stream> CreateContentReadStreamAsync() =>
        new RecordedStream(await _original.ReadAsStreamAsync().ConfigureAwait(false), _exchange);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        using var body = await CreateContentReadStreamAsync().ConfigureAwait(false);
        await body.CopyToAsync(stream).ConfigureAwait(false);
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
