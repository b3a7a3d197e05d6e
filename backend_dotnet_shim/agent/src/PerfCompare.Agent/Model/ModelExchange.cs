using System.Buffers;
using System.Diagnostics;
using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>
/// What one model call left behind, in raw timestamps and bytes: it is filled inside the timed
/// region and read after it.
/// </summary>
internal sealed class ModelExchange(string traceParent, CancellationToken cancelled)
{
    public const int MaxBodyBytes = 16 * 1024 * 1024;

    private const int BodyBytes = 1024;
    private readonly ArrayBufferWriter<byte> _body = new(BodyBytes);

    public string TraceParent { get; } = traceParent;

    /// <summary>Fires when the iteration is cancelled or its time is up.</summary>
    public CancellationToken Cancelled { get; } = cancelled;

    /// <summary>When the request was handed to the connection.</summary>
    public long HttpStart { get; set; }

    /// <summary>When the last piece of the body was read; 0 before the first.</summary>
    public long HttpEnd { get; private set; }

    public HttpStatusCode? Status { get; set; }

    public ReadOnlySpan<byte> Body => _body.WrittenSpan;

    /// <summary>Why the exchange on the wire failed, as the transport saw it.</summary>
    public Exception? Failure { get; set; }

    /// <exception cref="ReplyTooLargeException">The body has more than 16 MiB.</exception>
    public void Keep(ReadOnlySpan<byte> piece)
    {
        EndBody();
        if (_body.WrittenCount + piece.Length > MaxBodyBytes)
        {
            throw new ReplyTooLargeException();
        }

        _body.Write(piece);
    }

    /// <summary>The body has been read up to here.</summary>
    public void EndBody() => HttpEnd = Stopwatch.GetTimestamp();
}
