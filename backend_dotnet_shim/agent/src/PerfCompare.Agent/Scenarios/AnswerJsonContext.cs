using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Scenarios;

/// <summary>
/// The typed answer of the model: everything in it, of the right type, and nothing else. The
/// framework derives the schema from these rules.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    NumberHandling = JsonNumberHandling.Strict,
    PropertyNameCaseInsensitive = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(CityFacts))]
internal sealed partial class AnswerJsonContext : JsonSerializerContext;
