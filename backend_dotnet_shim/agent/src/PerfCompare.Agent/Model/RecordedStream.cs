namespace PerfCompare.Agent.Model;

/// <summary>
/// Passes a reply's body on to the client library and keeps a copy; the time of the last read is the
/// end of the exchange. The client library reads without a token, so the iteration's own ends a read
/// that takes too long.
/// </summary>
internal sealed class RecordedStream(Stream inner, ModelExchange exchange) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="ReplyTooLargeException">The body has more than 16 MiB.</exception>
    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer,
        CancellationToken cancellationToken = default)
    {
        try
        {
            var count = await inner.ReadAsync(buffer, exchange.Cancelled).ConfigureAwait(false);
            exchange.Keep(buffer.Span[..count]);
            return count;
        }
        catch (Exception failure)
        {
            exchange.Failure = failure;
            throw;
        }
    }

    public override Task<int> ReadAsync(
        byte[] buffer,
        int offset,
        int count,
        CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            var read = inner.Read(buffer, offset, count);
            exchange.Keep(buffer.AsSpan(offset, read));
            return read;
        }
        catch (Exception failure)
        {
            exchange.Failure = failure;
            throw;
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
