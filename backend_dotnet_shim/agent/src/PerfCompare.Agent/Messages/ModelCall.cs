using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>One model call inside an iteration; unknown is null, never 0.</summary>
internal sealed record ModelCall(
    [property: JsonConverter(typeof(NonNegativeConverter))] long StartNs,
    [property: JsonConverter(typeof(NonNegativeConverter))] long DurationNs,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? HttpStartNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? TransportNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? ModelNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? LoadNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? PromptEvalNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? EvalNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? PromptTokens = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? CompletionTokens = null,
    string? DoneReason = null);
