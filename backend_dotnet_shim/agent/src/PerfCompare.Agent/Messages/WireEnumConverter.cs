using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerfCompare.Agent.Messages;

/// <summary>
/// Reads and writes an enum by its wire name, exactly: the library's own converter would also
/// take numbers and any casing, which the other side refuses.
/// </summary>
internal sealed class WireEnumConverter<TEnum> : JsonConverter<TEnum>
    where TEnum : struct, Enum
{
    private readonly Dictionary<string, TEnum> _values =
        Enum.GetValues<TEnum>().ToDictionary(WireName.Of, StringComparer.Ordinal);

    public override TEnum Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.String
        && _values.TryGetValue(reader.GetString()!, out var value)
            ? value
            : throw new JsonException($"is not one of {string.Join(", ", _values.Keys)}");

    public override void Write(Utf8JsonWriter writer, TEnum value, JsonSerializerOptions options) =>
        writer.WriteStringValue(WireName.Of(value));
}
