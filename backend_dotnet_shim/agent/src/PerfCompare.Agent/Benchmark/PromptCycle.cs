using System.Globalization;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>The prompt of iteration n, from 1: the list is gone through again and again.</summary>
internal sealed class PromptCycle(TestConfiguration configuration)
{
    private const string Placeholder = "{n}";

    private readonly IReadOnlyList<string> _prompts = configuration.Prompts ?? [configuration.Prompt];

    public string For(long sequence) =>
        _prompts[(int)((sequence - 1) % _prompts.Count)].Replace(
            Placeholder,
            sequence.ToString(CultureInfo.InvariantCulture),
            StringComparison.Ordinal);
}
