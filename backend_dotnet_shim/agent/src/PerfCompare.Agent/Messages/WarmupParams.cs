using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Calls before the run; 0 is allowed.</summary>
internal sealed record WarmupParams(
    string RunId,
    [property: JsonConverter(typeof(NonNegativeConverter))] long Iterations);
