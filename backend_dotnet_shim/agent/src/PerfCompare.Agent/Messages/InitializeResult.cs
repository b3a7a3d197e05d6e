using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Who this agent is and what it can do.</summary>
internal sealed record InitializeResult(
    int ProtocolVersion,
    string Language,
    string Runtime,
    string RuntimeVersion,
    string Framework,
    string FrameworkVersion,
    string Client,
    string ClientVersion,
    Flavour Flavour,
    [property: JsonConverter(typeof(PositiveConverter))] long ProcessId,
    IReadOnlyList<TestMode> Modes,
    IReadOnlyList<Scenario> Scenarios);
