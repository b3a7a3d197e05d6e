using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>How a block ended; <paramref name="Dropped"/> is for rate mode.</summary>
internal sealed record RunResult(
    [property: JsonConverter(typeof(NonNegativeConverter))] long Completed,
    bool Cancelled,
    [property: JsonConverter(typeof(NonNegativeConverter))] long Dropped,
    [property: JsonConverter(typeof(NonNegativeConverter))] long StartUnixNs,
    [property: JsonConverter(typeof(NonNegativeConverter))] long WallNs);
