using System.Reflection;
using Microsoft.Agents.AI;
using OllamaSharp;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent;

/// <summary>What this agent is and what it can do.</summary>
internal static class AgentIdentity
{
    public static IReadOnlyList<TestMode> Modes { get; } =
        [TestMode.Standard, TestMode.Batch, TestMode.Concurrent];

    public static IReadOnlyList<Scenario> Scenarios { get; } = [Scenario.Chat];

    public static InitializeResult Describe() => new(
        InitializeParams.CurrentVersion,
        Language: "CSharp",
        Runtime: ".NET",
        RuntimeVersion: Environment.Version.ToString(),
        Framework: "Microsoft.Agents.AI",
        FrameworkVersion: VersionOf(typeof(ChatClientAgent)),
        Client: "OllamaSharp",
        ClientVersion: VersionOf(typeof(OllamaApiClient)),
        Flavour.Agent,
        Environment.ProcessId,
        Modes,
        Scenarios);

    /// <summary>The package's version; its build adds <c>+commit</c>.</summary>
    private static string VersionOf(Type type) =>
        type.Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0] ?? "unknown";
}
