using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>How the starts are spread in rate mode.</summary>
[JsonConverter(typeof(WireEnumConverter<Arrivals>))]
internal enum Arrivals
{
    Constant,
    Poisson,
}
