using System.Net;

namespace PerfCompare.Agent.Model;

/// <summary>
/// Where the model server is: <paramref name="BaseAddress"/> names it in Host and SNI,
/// <paramref name="ConnectTo"/> is the checked address to dial, if the backend gave one.
/// </summary>
internal sealed record ModelEndpoint(Uri BaseAddress, IPEndPoint? ConnectTo)
{
    public const string Default = "http://localhost:11434";

    /// <exception cref="FormatException">The endpoint or the address cannot be used.</exception>
    public static ModelEndpoint Parse(string? endpoint, string? connectTo)
    {
        if (!Uri.TryCreate(endpoint ?? Default, UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https")
            || address.UserInfo.Length + address.Query.Length + address.Fragment.Length > 0)
        {
            throw new FormatException("endpoint is not a plain http or https address");
        }

        if (connectTo is null)
        {
            return new(WithFinalSlash(address), null);
        }

        return IPEndPoint.TryParse(connectTo, out var target) && target.Port > 0
            ? new(WithFinalSlash(address), target)
            : throw new FormatException("connectTo is not an address with a port");
    }

    // Relative request addresses replace what follows the last slash.
    private static Uri WithFinalSlash(Uri address) =>
        address.AbsoluteUri.EndsWith('/') ? address : new(address.AbsoluteUri + "/");
}
