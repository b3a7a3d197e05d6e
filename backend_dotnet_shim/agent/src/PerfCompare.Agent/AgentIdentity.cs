using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Agents.AI;
using OllamaSharp;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent;

/// <summary>What this agent is and what it can do.</summary>
internal static class AgentIdentity
{
    public static IReadOnlyList<TestMode> Modes { get; } = Enum.GetValues<TestMode>();

    public static IReadOnlyList<Scenario> Scenarios { get; } = Enum.GetValues<Scenario>();

    /// <summary>Only a NativeAOT executable, which cannot make code while it runs, is <c>aot</c>.</summary>
    public static IReadOnlyList<Flavour> Flavours { get; } =
        RuntimeFeature.IsDynamicCodeSupported
            ? [Flavour.Agent, Flavour.Client, Flavour.Http]
            : Enum.GetValues<Flavour>();

    public static InitializeResult Describe(Flavour flavour) => new(
        InitializeParams.CurrentVersion,
        Language: "CSharp",
        Runtime: ".NET",
        RuntimeVersion: Environment.Version.ToString(),
        Framework: "Microsoft.Agents.AI",
        FrameworkVersion: VersionOf(typeof(ChatClientAgent)),
        Client: "OllamaSharp",
        ClientVersion: VersionOf(typeof(OllamaApiClient)),
        flavour,
        Environment.ProcessId,
        Modes,
        Scenarios);

    /// <summary>The package's version; its build adds <c>+commit</c>.</summary>
    private static string VersionOf(Type type) =>
        type.Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0] ?? "unknown";
}
