using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Calls before the run; 0 is allowed.</summary>
internal sealed record WarmupParams(
    string RunId,
    [property: JsonConverter(typeof(NonNegativeConverter))] long Iterations,
    [property: JsonConverter(typeof(PositiveConverter))] long FirstSequence = 1,
    TestMode Mode = TestMode.Standard,
    [property: JsonConverter(typeof(PositiveConverter))] long Concurrency = 1);
