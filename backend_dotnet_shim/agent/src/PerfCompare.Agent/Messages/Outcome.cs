using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>How an iteration ended.</summary>
[JsonConverter(typeof(WireEnumConverter<Outcome>))]
internal enum Outcome
{
    Ok,
    Error,
    Timeout,
    Cancelled,
}
