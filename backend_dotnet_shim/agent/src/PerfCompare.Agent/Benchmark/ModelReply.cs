namespace PerfCompare.Agent.Benchmark;

/// <summary>The server's own figures from the final object of a reply; unknown is null.</summary>
internal sealed record ModelReply(
    long? TotalNs,
    long? LoadNs,
    long? PromptEvalNs,
    long? EvalNs,
    long? PromptTokens,
    long? CompletionTokens,
    string? DoneReason)
{
    public static ModelReply Unknown { get; } = new(null, null, null, null, null, null, null);
}
