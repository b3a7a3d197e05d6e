using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>
/// What one model call left behind, in raw timestamps and bytes: it is filled inside the timed
/// region and read after it.
/// </summary>
internal sealed class ModelExchange(string traceParent)
{
    public string TraceParent { get; } = traceParent;

    public long CallStart { get; set; }

    /// <summary>0 while the chat client's call has not ended.</summary>
    public long CallEnd { get; set; }

    /// <summary>0 when no request was sent.</summary>
    public long HttpStart { get; set; }

    /// <summary>0 when the body was not read to its end.</summary>
    public long HttpEnd { get; set; }

    public HttpStatusCode? Status { get; set; }

    public ArraySegment<byte> Body { get; set; }

    /// <summary>Why the exchange on the wire failed, as the transport saw it.</summary>
    public Exception? Failure { get; set; }
}
