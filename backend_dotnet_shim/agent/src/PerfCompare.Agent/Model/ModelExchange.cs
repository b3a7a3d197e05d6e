using System.Buffers;
using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>
/// What one model call left behind, in raw timestamps and bytes: it is filled inside the timed
/// region and read after it.
/// </summary>
internal sealed class ModelExchange(string traceParent, CancellationToken cancelled)
{
    private const int BodyBytes = 1024;

    public string TraceParent { get; } = traceParent;

    /// <summary>Fires when the iteration is cancelled or its time is up.</summary>
    public CancellationToken Cancelled { get; } = cancelled;

    /// <summary>When the request was handed to the connection.</summary>
    public long HttpStart { get; set; }

    /// <summary>When the last piece of the body was read; 0 before the first.</summary>
    public long HttpEnd { get; set; }

    public HttpStatusCode? Status { get; set; }

    public ArrayBufferWriter<byte> Body { get; } = new(BodyBytes);

    /// <summary>Why the exchange on the wire failed, as the transport saw it.</summary>
    public Exception? Failure { get; set; }
}
