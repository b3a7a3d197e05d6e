using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>A number of calls, or null for <c>"auto"</c>.</summary>
[JsonConverter(typeof(WarmupIterationsConverter))]
internal readonly record struct WarmupIterations(int? Count);
