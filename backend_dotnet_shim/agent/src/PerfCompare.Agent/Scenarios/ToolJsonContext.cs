using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Scenarios;

/// <summary>
/// Arguments and results of the local functions; the framework derives their schemas from these
/// rules, so that they say nothing but the types.
/// </summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class ToolJsonContext : JsonSerializerContext;
