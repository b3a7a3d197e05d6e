using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>What one iteration asks of the agent.</summary>
[JsonConverter(typeof(WireEnumConverter<Scenario>))]
internal enum Scenario
{
    Chat,
    Tools,
    Conversation,
    Structured,
}
