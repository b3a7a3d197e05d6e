using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>
/// One iteration, from just before the agent's run to its result; the sums of
/// <paramref name="Calls"/> stand on top.
/// </summary>
internal sealed record Sample(
    [property: JsonConverter(typeof(PositiveConverter))] long Sequence,
    [property: JsonConverter(typeof(NonNegativeConverter))] long Worker,
    [property: JsonConverter(typeof(NonNegativeConverter))] long StartNs,
    [property: JsonConverter(typeof(NonNegativeConverter))] long DurationNs,
    Outcome Outcome,
    IReadOnlyList<ModelCall> Calls,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? Batch = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? IntendedStartNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? TransportNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? ModelNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? LoadNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? PromptEvalNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? EvalNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? PromptTokens = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? CompletionTokens = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? FirstTokenNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? LastTokenNs = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? Chunks = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? Turn = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? ToolCalls = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long? ToolNs = null,
    bool? Parsed = null,
    ErrorKind? ErrorKind = null,
    string? ErrorMessage = null);
