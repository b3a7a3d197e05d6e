using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Off the public protocol, for our own benchmark: see <see cref="BareLoopResult"/>.</summary>
internal sealed record BareLoopParams(
    [property: JsonConverter(typeof(PositiveConverter))] long Iterations,
    [property: JsonConverter(typeof(PositiveConverter))] long Concurrency = 1);
