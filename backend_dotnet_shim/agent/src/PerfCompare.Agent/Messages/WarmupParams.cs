using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Calls before the run, made as the run's calls will be; 0 is allowed.</summary>
internal sealed record WarmupParams(
    string RunId,
    [property: JsonConverter(typeof(NonNegativeConverter))] long Iterations,
    [property: JsonConverter(typeof(PositiveConverter))] long FirstSequence = 1,
    TestMode Mode = TestMode.Standard,
    [property: JsonConverter(typeof(PositiveConverter))] long Concurrency = 1) : IValidated
{
    public string? FindProblem() =>
        Mode is TestMode.Rate ? "a warm-up has no rate mode" : ToRun().FindProblem();

    /// <summary>
    /// The same as a block. It has a name of its own, because the trace ids follow from the name and
    /// the sequence, which the run has as well.
    /// </summary>
    public RunParams ToRun() => new($"{RunId}:warmup", FirstSequence, Mode, Concurrency, Iterations);
}
