using System.Text.RegularExpressions;

namespace PerfCompare.Agent.Messages;

/// <summary>
/// What to run. Defaults are constructor parameters because the JSON source generator loses
/// initialisers of init-only properties.
/// </summary>
internal sealed partial record TestConfiguration(
    int Iterations = 10,
    string Model = "ministral-3",
    string? Endpoint = null,
    TestMode TestMode = TestMode.Standard,
    int BatchSize = 10,
    int ConcurrentRequests = 5,
    WarmupIterations? WarmupIterations = null,
    Scenario Scenario = Scenario.Chat,
    string Prompt = "Say hello {n}",
    IReadOnlyList<string>? Prompts = null,
    string? Instructions = null,
    double Temperature = 0,
    int? Seed = null,
    int? MaxTokens = null,
    double RequestTimeoutSeconds = 60,
    double? RatePerSecond = null,
    Arrivals Arrivals = Arrivals.Constant,
    double? DurationSeconds = null,
    int AgentProcesses = 1,
    Flavour Flavour = Flavour.Agent,
    bool Gated = false,
    double? WarmupSeconds = null,
    int Turns = 5,
    double DelayMs = 0) : IValidated
{
    private const int MaxTextLength = 32_768;

    public string? FindProblem() =>
        Iterations is < 1 or > 1_000_000 ? "iterations is not 1 … 1000000"
        : !ModelName().IsMatch(Model) ? "model is not a model name"
        : Endpoint is { Length: 0 or > 2_048 } ? "endpoint is empty or too long"
        : BatchSize is < 1 or > 1_000 ? "batchSize is not 1 … 1000"
        : ConcurrentRequests is < 1 or > 1_000 ? "concurrentRequests is not 1 … 1000"
        : !IsPrompt(Prompt) ? "prompt is empty or too long"
        : Prompts is { Count: 0 or > 10_000 } ? "prompts is empty or too long"
        : Prompts is not null && !Prompts.All(IsPrompt) ? "prompts has an empty or too long prompt"
        : Instructions?.Length > MaxTextLength ? "instructions is too long"
        : Temperature is < 0 or > 2 ? "temperature is not 0 … 2"
        : Seed < 0 ? "seed is negative"
        : MaxTokens is < 1 or > 1_000_000 ? "maxTokens is not 1 … 1000000"
        : RequestTimeoutSeconds is <= 0 or > 3_600 ? "requestTimeoutSeconds is not in (0, 3600]"
        : RatePerSecond is <= 0 or > 100_000 ? "ratePerSecond is not in (0, 100000]"
        : DurationSeconds is <= 0 or > 86_400 ? "durationSeconds is not in (0, 86400]"
        : AgentProcesses is < 1 or > 64 ? "agentProcesses is not 1 … 64"
        : WarmupSeconds is <= 0 or > 600 ? "warmupSeconds is not in (0, 600]"
        : Turns is < 1 or > 100 ? "turns is not 1 … 100"
        : DelayMs is < 0 or > 60_000 ? "delayMs is not 0 … 60000"
        : null;

    private static bool IsPrompt(string? text) => text is { Length: >= 1 and <= MaxTextLength };

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}\z")]
    private static partial Regex ModelName();
}
