using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>Which layer of the stack answers.</summary>
[JsonConverter(typeof(WireEnumConverter<Flavour>))]
internal enum Flavour
{
    Agent,
    Client,
    Http,
    Aot,
}
