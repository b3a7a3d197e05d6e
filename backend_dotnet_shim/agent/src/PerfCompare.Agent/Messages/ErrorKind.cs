using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Why an iteration is not a success.</summary>
[JsonConverter(typeof(WireEnumConverter<ErrorKind>))]
internal enum ErrorKind
{
    Connect,
    Timeout,
    Http,
    ModelNotFound,
    Incomplete,
    StreamError,
    InvalidReply,
    Cancelled,
    BridgeProtocol,
}
