using System.Text.Json;

namespace PerfCompare.Agent.Scenarios;

/// <summary>The typed answer of the scenario <c>structured</c>.</summary>
internal sealed record CityFacts(string City, string Country, long Population)
{
    /// <summary>The JSON schema of this type, as the framework makes it.</summary>
    public static JsonElement Schema { get; } = JsonElement.Parse(
        """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "type": "object",
          "properties": {
            "city": {"type": "string"},
            "country": {"type": "string"},
            "population": {"type": "integer"}
          },
          "additionalProperties": false,
          "required": ["city", "country", "population"]
        }
        """);

    /// <exception cref="JsonException">The text is no such object.</exception>
    public static CityFacts Parse(string text) =>
        JsonSerializer.Deserialize(text, AnswerJsonContext.Default.CityFacts)
        ?? throw new JsonException("the answer holds no object");
}
