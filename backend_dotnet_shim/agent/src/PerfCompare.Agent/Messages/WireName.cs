using System.Text.Json;

namespace PerfCompare.Agent.Messages;

/// <summary>The wire form of an enum: <c>ModelNotFound</c> is <c>model-not-found</c>.</summary>
internal static class WireName
{
    public static string Of<TEnum>(TEnum value)
        where TEnum : struct, Enum =>
        JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
