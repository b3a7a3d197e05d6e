using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>How the calls of a run are arranged.</summary>
[JsonConverter(typeof(WireEnumConverter<TestMode>))]
internal enum TestMode
{
    Standard,
    Batch,
    Concurrent,
    Streaming,
    Rate,
}
